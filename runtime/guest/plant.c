// SPDX-License-Identifier: Apache-2.0
/* Words that jettison=audit is to find. */
#include "guest.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* init_uts_ns: its name begins at byte 65 of a structure that is aligned to 8. */
static void plant_in_data(uint64_t word)
{
	char name[7 + sizeof(word)] = "planted";

	memcpy(name + 7, &word, sizeof(word));
	if (sethostname(name, sizeof(name)))
		fail("plant: sethostname: %s", strerror(errno));
}

/* A datagram that nobody has received is in an object from kmalloc. */
static void plant_in_slab(uint64_t word)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) || send(pair[0], &word, sizeof(word), 0) < 0)
		fail("plant: datagram: %s", strerror(errno));
}

/* A sender that waits for room in the receiver's queue has the receiver's address on its stack. */
static void plant_on_stack(uint64_t word)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int receiver = socket(AF_UNIX, SOCK_DGRAM, 0);
	int sender = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy((char *)&to + 8, &word, sizeof(word));
	if (bind(receiver, (struct sockaddr *)&to, 16))
		fail("plant: bind: %s", strerror(errno));
	if (fork() == 0)
		for (;;)
			sendto(sender, "", 1, 0, (struct sockaddr *)&to, 16);
	/* Until the queue is full. */
	sleep(1);
}

void plant(uint64_t word)
{
	plant_in_data(word);
	plant_in_slab(word);
	plant_on_stack(word);
}
