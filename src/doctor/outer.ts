import type { EncapName } from '../encap/index.js';

/** What who filters packets knows an encapsulation by. */
interface Outer {
  readonly title: string;
  /** Of the outer IP header (IANA); absent: UDP. */
  readonly protocol?: number;
  /** The protocol as /etc/protocols may call it, and with it nft. */
  readonly words?: readonly string[];
}

export const outers: Readonly<Record<EncapName, Outer>> = {
  vxlan: { title: 'VXLAN' },
  ipip: { title: 'IP-in-IP', protocol: 4, words: ['ipencap', 'ipv4'] },
  ip6ip: { title: 'IPv6 in IP', protocol: 41, words: ['ipv6'] },
};

/** `UDP 4789 (VXLAN)`. `port`: of VXLAN. */
export function outerName(encap: EncapName, port: number): string {
  const { title, protocol } = outers[encap];
  return protocol === undefined ? `UDP ${port} (${title})` : `protocol ${protocol} (${title})`;
}
