/* SPDX-License-Identifier: Apache-2.0 */
typedef int (*work_t)(int);
struct ops { work_t work; const char *(*name)(void); };
extern struct ops gadget_ops;
int gadget_work(int x);
const char *gadget_name(void);
void gadget_note(int x);
work_t gadget_pointer(void);
int helper(int x);
