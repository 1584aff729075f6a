// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeInstruction, newInstruction, walkText } from "../../../src/x86/x86.js";
import { command, compileObjects, temporaryFolder, writeFiles } from "../../support/compile.js";
import { compareWithObjdump } from "../../support/objdump.js";

/** One of each form that a kernel has, and some that it has not. */
const forms = `
  nop; nopw %cs:0x0(%rax,%rax,1); nopl 0(%rax); endbr64; ud2; ud1 %eax, %ecx; hlt; int3; int $0x80; pause
  .byte 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0
  add %al, (%rbx); add $1, %al; add $0x12345678, %eax; add $0x1234, %ax; add $0x12345678, %rax
  addb $1, (%rdi); addl $0x12345678, 8(%rdi); addw $0x1234, 0x12345678(%rdi); addq $-1, (%rdi,%rcx,4)
  addl $0x12345678, label(%rip); cmpb $0, label(%rip); cmpw $0x1234, label(%rip); movl $1, %gs:label(%rip)
  mov 0x12345678, %eax; mov 0x12345678(,%rcx,8), %eax; mov (%rsp), %rax; mov (%r12), %rax; mov (%r13), %rax
  mov 8(%rsp,%rbp), %rax; mov (%rbp,%rax), %rcx; mov %gs:0, %rax; mov %fs:0x28, %rax; mov 0(%eax), %ecx
  movabs $0x123456789abcdef0, %rax; movabs 0x123456789abcdef0, %al; movabs %eax, 0x123456789abcdef0
  addr32 movabs 0x12345678, %eax; mov $1, %eax; mov $1, %ax; mov $1, %al; mov $-1, %rax; mov %rax, %cr3; mov %cr8, %rdx
  mov %rax, %dr7; mov %dr6, %rax; lea label(%rip), %rax; lea 8(%rax), %rcx; push $1; push $0x12345678; pushw $0x1234
  push %r15; pop (%rax); imul $3, %rax, %rcx; imul $0x12345678, label(%rip), %eax; imul $0x1234, %ax, %cx
  testb $1, (%rax); testl $0x12345678, (%rax); testw $0x1234, (%rax); testq $1, label(%rip); notl (%rax); negq %rax
  test $1, %al; test $0x12345678, %eax; shl $3, %eax; shl %eax; shl %cl, %eax; shld $3, %eax, %ecx; shrd %cl, %eax, %ecx
  enter $0x1234, $1; leave; ret; ret $8; lretq; lretq $8; iretq; syscall; sysretq; swapgs; wrmsr; rdmsr; rdtsc; rdtscp
  cpuid; invd; wbinvd; invlpg (%rax); lgdt (%rax); lidt (%rax); ltr %ax; verw label(%rip); lar %ax, %eax; clts
  in $1, %al; in (%dx), %eax; out %eax, $1; out %al, (%dx); loop .; jrcxz .; jmp .; jne .; jmp label; jne label
  call label; call *label(%rip); call *%rax; jmp *(%rax,%rcx,8); ljmp *(%rax); notrack jmp *%rax; bnd jmp label
  xbegin label; xabort $1; xend; lock cmpxchg %ecx, (%rdx); lock cmpxchg16b (%rdx); lock incl label(%rip)
  rep movsb; rep stosq; repne scasb; cmpxchg8b (%rax); xadd %eax, (%rcx); bswap %rax; btl $3, (%rax); bts %eax, (%rcx)
  popcnt %rax, %rcx; lzcnt %rax, %rcx; tzcnt %rax, %rcx; bsf %eax, %ecx; movbe (%rax), %ecx; crc32b (%rax), %ecx
  adcx %rax, %rcx; adox %rax, %rcx; sete (%rax); cmove %eax, %ecx; movzbl (%rax), %ecx; movslq (%rax), %rcx; movnti %eax, (%rcx)
  rdfsbase %rax; wrgsbase %rax; xsave64 (%rax); xrstors64 (%rax); fxsave64 (%rax); lfence; mfence; sfence; clflush (%rax)
  clflushopt (%rax); clwb (%rax); ldmxcsr (%rax); stac; clac; xgetbv; xsetbv; monitor; mwait; invpcid (%rax), %rcx
  vmread %rax, %rcx; vmwrite (%rax), %rcx; vmptrld (%rax); vmlaunch; vmresume; vmrun; invept (%rax), %rcx; rdpid %rax
  rdrand %eax; rdseed %rax; wrussq %rax, (%rcx); incsspq %rax; setssbsy; encls; prefetchw (%rax); prefetcht0 (%rax)
  movups (%rax), %xmm0; movd %eax, %xmm0; pshufd $1, %xmm0, %xmm1; psrldq $1, %xmm0; emms; cmpps $1, %xmm0, %xmm1
  pinsrw $1, %eax, %xmm0; pextrw $1, %xmm0, %eax; shufps $1, %xmm0, %xmm1; pshufb label(%rip), %xmm0; aesenc %xmm0, %xmm1
  aeskeygenassist $1, %xmm0, %xmm1; pclmulqdq $1, label(%rip), %xmm0; sha256rnds2 %xmm0, %xmm1; sha1rnds4 $1, %xmm0, %xmm1
  extrq $1, $2, %xmm0; insertq $1, $2, %xmm0, %xmm1; insertq %xmm0, %xmm1; movss %xmm0, (%rax); cvtsi2sd %rax, %xmm0
  fninit; fnstcw (%rax); fldl (%rax); fwait; fnstsw %ax; fxch; fld %st(1)
  vmovdqu (%rax), %ymm0; vmovdqu label(%rip), %ymm8; vzeroupper; vpshufd $1, label(%rip), %ymm0; vpsrldq $1, %xmm0, %xmm1
  vpshufb (%rax), %ymm0, %ymm9; vperm2i128 $1, label(%rip), %ymm0, %ymm1; vpblendd $1, %ymm8, %ymm9, %ymm10; vcmpps $1, %xmm0, %xmm1, %xmm2
  vpinsrw $1, %eax, %xmm0, %xmm1; vpextrw $1, %xmm0, %eax; vshufps $1, %xmm0, %xmm1, %xmm2; vpsllq $1, %ymm0, %ymm1
  rorx $1, %rax, %rcx; andn %rax, %rcx, %rdx; bextr %rax, (%rcx), %rdx; mulx %rax, %rcx, %rdx; vpgatherdd %xmm0, (%rax,%xmm1,4), %xmm2
  kmovq %rax, %k1; kmovd %k1, %eax; kandq %k1, %k2, %k3; kshiftlq $1, %k1, %k2; vaesenc %ymm0, %ymm1, %ymm2
  vmovdqu64 (%rax), %zmm0; vmovdqu64 64(%rax), %zmm16; vmovdqu64 label(%rip), %zmm31; vpternlogd $1, label(%rip), %zmm0, %zmm1
  vpermi2q (%rax), %zmm0, %zmm1{%k1}{z}; vpcmpb $1, (%rax), %zmm0, %k1; vprold $1, %zmm0, %zmm1; vpclmulqdq $1, %zmm0, %zmm1, %zmm2
  vextracti64x4 $1, %zmm0, label(%rip); vpsrlq $1, %zmm0, %zmm1; vpshufd $1, %zmm0, %zmm1; vaddph %zmm0, %zmm1, %zmm2; vfmadd231ph (%rax), %zmm0, %zmm1
  rep xcryptecb; xstore; serialize; endbr32; cldemote (%rax); movdiri %eax, (%rcx); movdir64b (%rax), %rcx; enqcmd (%rax), %rcx
label: nop
`;

test("every form of instruction is as long as objdump says", async () => {
  const folder = temporaryFolder();
  writeFiles(folder, { "forms.S": forms.replaceAll("; ", "\n") });
  command(folder, "gcc", "-c", "-o", "forms.o", "forms.S");
  const { instructions, differing } = await compareWithObjdump(join(folder, "forms.o"));
  expect(differing).toEqual([]);
  expect(instructions).toBeGreaterThan(240);
});

test("instructions that gcc makes of C are as long as objdump says", async () => {
  const { folder } = compileObjects(
    {
      "code.c": `
        float sum(const float *x, int n) { float s = 0; for (int i = 0; i < n; i++) s += x[i] * 3; return s; }
        unsigned long mix(unsigned long *a, unsigned long b) { a[3] ^= b << 7; return __builtin_popcountl(a[2]) + (b >> 3) * 0x123456789abcdefUL; }
        int pick(int x) { switch (x) { case 1: return 5; case 2: return 77; case 3: return 9; case 4: return 1234567; case 5: return -1; } return x; }
        static int counter; int count(void) { counter += 1000000; return counter == 7 ? pick(counter) : ++counter; }`,
    },
    ["-O3", "-mavx512f", "-mavx512vl", "-mavx512bw"],
  );
  const { instructions, differing } = await compareWithObjdump(join(folder, "code.o"));
  expect(differing).toEqual([]);
  expect(instructions).toBeGreaterThan(100);
});

test("where an instruction's address stands is told, behind it an immediate or not", () => {
  const decode = (hex: string) => {
    const instruction = newInstruction();
    const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
    expect(decodeInstruction(bytes, 0, bytes.byteLength, instruction)).toBe(true);
    return instruction;
  };
  const branch = { relativeAt: 1, relativeWidth: 4, isBranch: true };
  expect(decode("e8 00000000")).toMatchObject({ length: 5, ...branch });
  expect(decode("0f84 00000000")).toMatchObject({ length: 6, ...branch, relativeAt: 2 });
  expect(decode("75 00")).toMatchObject({ length: 2, ...branch, relativeWidth: 1 });
  expect(decode("c7f8 00000000")).toMatchObject({ length: 6, ...branch, relativeAt: 2 });
  expect(decode("813d 00000000 00000000")).toMatchObject({
    ...{ length: 10, relativeAt: 2, relativeWidth: 4, isBranch: false },
    ...{ immediateAt: 6, immediateWidth: 4 },
  });
  expect(decode("8b0425 00000000")).toMatchObject({ length: 7, relativeAt: 0, displacementAt: 3 });
  expect(decode("48b8 0000000000000000")).toMatchObject({ length: 10, immediateAt: 2, immediateWidth: 8 });
});

test("any bytes end in an instruction within them or in none, and a walk comes to their end", () => {
  const instruction = newInstruction();
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
      if (decodeInstruction(bytes, 0, bytes.length, instruction)) {
        expect(instruction.length).toBeGreaterThan(0);
        expect(instruction.length).toBeLessThanOrEqual(Math.min(bytes.length, 15));
        expect(instruction.relativeAt + instruction.relativeWidth).toBeLessThanOrEqual(instruction.length);
        expect(instruction.immediateAt + instruction.immediateWidth).toBeLessThanOrEqual(instruction.length);
      }
      let covered = 0;
      const { undecoded } = walkText(bytes, [], (_, { length }) => {
        covered += length;
      });
      expect(covered + undecoded).toBe(bytes.length);
    }),
    { numRuns: 20_000, seed: 20101020 },
  );
});

test("a walk starts anew at a symbol, whatever came before it", () => {
  const code = Buffer.from("48b8e8000000c3", "hex"); // the beginning of a movabs; at 2: call; at 6: ret
  const visited: number[] = [];
  walkText(code, [0, 2, 7], (offset) => visited.push(offset));
  expect(visited).toContain(2);
});
