import { constants } from 'node:os';
import type { KernelFailure } from '../error.js';

const { EPERM, EACCES, ENOENT, EINVAL, ENETUNREACH, ENETDOWN, ENODEV } = constants.errno;

const permission = 'changing a network needs CAP_NET_ADMIN in it: run as root';

/** The next step after rtnetlink or a namespace refused. */
export function netlinkHint({ operation, object, errno }: KernelFailure): string | undefined {
  if (operation === 'enter' || operation === 'create') return namespaceHint(errno);
  switch (errno) {
    case EPERM:
      return permission;
    case EACCES:
      return object.startsWith('address') || object.startsWith('route')
        ? 'IPv6 may be off for the interface: sysctl net.ipv6.conf.NAME.disable_ipv6'
        : permission;
    case ENETUNREACH:
      return 'the gateway is in no subnet of the interface: put an address of that subnet first, or set onlink';
    case ENETDOWN:
      return 'set the interface up first: ip link set NAME up';
    case ENODEV:
      return 'no interface of this namespace has that index: see links(), indexes differ between namespaces';
    default:
      return undefined;
  }
}

function namespaceHint(errno: number): string | undefined {
  switch (errno) {
    case EPERM:
      return 'making and entering network namespaces needs CAP_SYS_ADMIN: run as root';
    case ENOENT:
      return 'ip netns list shows the named ones, each at /run/netns/NAME';
    case EINVAL:
      return 'a network namespace is at /run/netns/NAME or /proc/PID/ns/net';
    default:
      return undefined;
  }
}
