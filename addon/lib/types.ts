/** Names of linux/bpf.h in lower case, by their numbers there. */
const programTypes = [
  'unspec',
  'socket_filter',
  'kprobe',
  'sched_cls',
  'sched_act',
  'tracepoint',
  'xdp',
  'perf_event',
  'cgroup_skb',
  'cgroup_sock',
  'lwt_in',
  'lwt_out',
  'lwt_xmit',
  'sock_ops',
  'sk_skb',
  'cgroup_device',
  'sk_msg',
  'raw_tracepoint',
  'cgroup_sock_addr',
  'lwt_seg6local',
  'lirc_mode2',
  'sk_reuseport',
  'flow_dissector',
  'cgroup_sysctl',
  'raw_tracepoint_writable',
  'cgroup_sockopt',
  'tracing',
  'struct_ops',
  'ext',
  'lsm',
  'sk_lookup',
  'syscall',
  'netfilter',
] as const;

const mapTypes = [
  'unspec',
  'hash',
  'array',
  'prog_array',
  'perf_event_array',
  'percpu_hash',
  'percpu_array',
  'stack_trace',
  'cgroup_array',
  'lru_hash',
  'lru_percpu_hash',
  'lpm_trie',
  'array_of_maps',
  'hash_of_maps',
  'devmap',
  'sockmap',
  'cpumap',
  'xskmap',
  'sockhash',
  'cgroup_storage',
  'reuseport_sockarray',
  'percpu_cgroup_storage',
  'queue',
  'stack',
  'sk_storage',
  'devmap_hash',
  'struct_ops',
  'ringbuf',
  'inode_storage',
  'task_storage',
  'bloom_filter',
  'user_ringbuf',
  'cgrp_storage',
  'arena',
] as const;

/** `sched_cls` for BPF_PROG_TYPE_SCHED_CLS. */
export type ProgramType = (typeof programTypes)[number];

/** `lpm_trie` for BPF_MAP_TYPE_LPM_TRIE. */
export type MapType = (typeof mapTypes)[number];

/** The kernel's number of a program type. */
export function programTypeNumber(type: ProgramType): number {
  return numberOf(programTypes, type, 'program type');
}

/** The kernel's number of a map type. */
export function mapTypeNumber(type: MapType): number {
  return numberOf(mapTypes, type, 'map type');
}

/** The name behind the kernel's number; `unspec` for one that is newer than this list. */
export function programTypeName(number: number): ProgramType {
  return programTypes[number] ?? 'unspec';
}

/** The name behind the kernel's number; `unspec` for one that is newer than this list. */
export function mapTypeName(number: number): MapType {
  return mapTypes[number] ?? 'unspec';
}

/** Whether each key has a value for each possible CPU. */
export function isPerCpu(type: MapType): boolean {
  return type.includes('percpu');
}

function numberOf<T extends string>(list: readonly T[], name: T, what: string): number {
  const number = list.indexOf(name);
  if (number < 0) throw new TypeError(`no ${what} is called ${name}`);
  return number;
}
