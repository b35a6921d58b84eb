import { BpfError } from 'libbpf-ts';

/** What is pinned somewhere; undefined where that is of another kind than was asked for. */
export function ifOfThisKind<Handle>(open: () => Handle): Handle | undefined {
  try {
    return open();
  } catch (cause) {
    if (cause instanceof BpfError && cause.code === 'EINVAL') return undefined;
    throw cause;
  }
}
