/* config.h: what user space sets before load and no packet can change.
 *
 * Read-only data is frozen at load: the verifier knows the values and leaves out dead branches.
 * Read the fields as they stand: a cast that drops volatile makes clang fold in the zeros below. */
#ifndef ENCAPD_CONFIG_H
#define ENCAPD_CONFIG_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"

const volatile struct config config = {};

static __always_inline int is_nobody(const __u8 mac[6])
{
	return mac[0] == config.nobody_mac[0] && mac[1] == config.nobody_mac[1] &&
	       mac[2] == config.nobody_mac[2] && mac[3] == config.nobody_mac[3] &&
	       mac[4] == config.nobody_mac[4] && mac[5] == config.nobody_mac[5];
}

#endif
