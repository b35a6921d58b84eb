/** Where one agent keeps what outlives it: agents of one machine each have their own. */
export interface Folders {
  /** In a BPF file system: maps, links and programs. */
  readonly pins: string;
  /** State file, whole verifier logs. */
  readonly run: string;
}

/** ENCAP_BPFFS and ENCAP_RUN_DIR, else the system's. */
export function foldersOf(environment: Readonly<Record<string, string | undefined>>): Folders {
  return {
    pins: environment['ENCAP_BPFFS'] ?? '/sys/fs/bpf/encap',
    run: environment['ENCAP_RUN_DIR'] ?? '/run/encap',
  };
}
