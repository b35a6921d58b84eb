import { createHash } from 'node:crypto';
import { EncapError } from '../errors.js';
import { type Address, type Family, familyOf } from '../net/address.js';
import { type Cidr, contains, parseCidr } from '../net/cidr.js';
import { writtenCidr } from './resources/address.js';
import { blockSizes } from './resources/block-size.js';
import { type IpPool, ipPool, type PoolMode } from './resources/ip-pool.js';
import { parseSelector } from './selector.js';

/** Environment variables: `process.env`, or what a test says. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What calico/node looks at before it makes its default pools. */
export interface Surroundings {
  /** Pools that are there already: a family that has one gets no default pool. */
  readonly pools: readonly IpPool[];
  /** kubeadm's podSubnet. */
  readonly podSubnets: readonly string[];
  /** Addresses of the hosts: the default IPv4 pool keeps off them. */
  readonly hosts: readonly Address[];
}

/** True where a variable asks for pools. */
export function namesPools(environment: Environment): boolean {
  return Object.keys(environment).some(
    (name) => /^CALICO_IPV[46]POOL_/.test(name) && environment[name] !== undefined,
  );
}

/** The pools that calico/node makes at its start, as its environment says. */
export function defaultPools(environment: Environment, surroundings: Surroundings): IpPool[] {
  const cidrs = [
    environment['CALICO_IPV4POOL_CIDR'] ?? '',
    environment['CALICO_IPV6POOL_CIDR'] ?? '',
  ];
  if ((environment['NO_DEFAULT_POOLS'] ?? '').toLowerCase() === 'true') {
    if (cidrs.every((cidr) => cidr === '')) return [];
    throw refusal(
      'pools',
      'NO_DEFAULT_POOLS is true, and CALICO_IPV4POOL_CIDR or CALICO_IPV6POOL_CIDR is set',
    );
  }
  // Both are looked at before either is made: a bad one is fatal though its family has a pool already.
  const pools = (['ipv4', 'ipv6'] as const).map((family) =>
    defaultPool(environment, family, surroundings),
  );
  return pools.filter((pool) => pool !== undefined);
}

function defaultPool(
  environment: Environment,
  family: Family,
  surroundings: Surroundings,
): IpPool | undefined {
  const prefix = `CALICO_${family.toUpperCase()}POOL`;
  const variable = (name: string): string => environment[`${prefix}_${name}`] ?? '';
  if (variable('CIDR') === 'none') return undefined;
  const blockSize = blockSizeOf(variable('BLOCK_SIZE'), `${prefix}_BLOCK_SIZE`, family);
  const nodeSelector = variable('NODE_SELECTOR');
  const selector = parseSelector(nodeSelector);
  if (!selector.ok)
    throw refusal(
      family,
      `${prefix}_NODE_SELECTOR=${nodeSelector} is no selector: ${selector.why}`,
    );
  const text = variable('CIDR') === '' ? usualCidr(family, surroundings) : variable('CIDR');
  const cidr = writtenCidr(text);
  if (cidr?.family !== family)
    throw refusal(
      family,
      `${prefix}_CIDR=${text} is no ${family === 'ipv4' ? 'IPv4' : 'IPv6'} CIDR`,
    );
  if (surroundings.pools.some((pool) => isOf(family, pool))) return undefined;
  return created(family, {
    cidr: cidr.network,
    ipipMode: family === 'ipv4' ? modeOf(variable('IPIP'), `${prefix}_IPIP`, family) : 'Never',
    vxlanMode: modeOf(variable('VXLAN'), `${prefix}_VXLAN`, family),
    natOutgoing: truth(environment[`${prefix}_NAT_OUTGOING`], family === 'ipv4'),
    disableBGPExport: truth(environment[`${prefix}_DISABLE_BGP_EXPORT`], false),
    blockSize,
    nodeSelector,
  });
}

/** The pool goes the way of every pool: what Calico's API refuses ends calico/node's start. */
function created(family: Family, spec: object): IpPool {
  const written = { kind: 'IPPool', metadata: { name: `default-${family}-ippool` }, spec };
  const [complaint] = ipPool
    .rules(written)
    .filter(({ severity = 'error' }) => severity === 'error');
  if (complaint !== undefined) throw refusal(family, complaint.message);
  return ipPool.reading.parse(written);
}

function usualCidr(family: Family, { podSubnets, hosts }: Surroundings): string {
  const kubeadm = podSubnets.find((subnet) => writtenCidr(subnet)?.family === family);
  if (kubeadm !== undefined) return kubeadm;
  return family === 'ipv4' ? freeIpv4(hosts) : uniqueLocal();
}

/** 192.168.0.0/16, or the first of 172.16.0.0/16 to 172.31.0.0/16 in which no host lies. */
function freeIpv4(hosts: readonly Address[]): Cidr {
  const usual = parseCidr('192.168.0.0/16');
  const others = Array.from({ length: 16 }, (_, index) => parseCidr(`172.${16 + index}.0.0/16`));
  const taken = (cidr: Cidr): boolean => hosts.some((host) => contains(cidr, host));
  return [usual, ...others].find((cidr) => !taken(cidr)) ?? usual;
}

/**
 * A prefix of RFC 4193. calico/node rolls dice, once for the cluster, and stores the pool; here every node reads
 * the files for itself, and all must come to the same pool: so its 40 bits are a hash of a fixed text.
 */
function uniqueLocal(): Cidr {
  const bits = createHash('sha1').update('encapd default-ipv6-ippool').digest('hex').slice(0, 10);
  return parseCidr(`fd${bits.slice(0, 2)}:${bits.slice(2, 6)}:${bits.slice(6, 10)}::/48`);
}

function blockSizeOf(text: string, variable: string, family: Family): number {
  if (text === '') return blockSizes[family].usual;
  const size = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
  const { least, most } = blockSizes[family];
  if (size >= least && size <= most) return size;
  throw refusal(family, `${variable}=${text} is no block size: ${least} to ${most}`);
}

function modeOf(text: string, variable: string, family: Family): PoolMode {
  switch (text.toLowerCase()) {
    case '':
    case 'off':
    case 'never':
      return 'Never';
    case 'always':
      return 'Always';
    case 'crosssubnet':
    case 'cross-subnet':
      return 'CrossSubnet';
    default:
      throw refusal(family, `${variable}=${text} is no mode: Always, CrossSubnet, Never`);
  }
}

/** calico/node takes everything for true but these five words: `off` too. */
function truth(text: string | undefined, unset: boolean): boolean {
  return text === undefined ? unset : !['false', '0', 'no', 'n', 'f'].includes(text.toLowerCase());
}

function isOf(family: Family, pool: IpPool): boolean {
  return familyOf(pool.spec.cidr) === family;
}

function refusal(what: Family | 'pools', why: string): EncapError {
  const pools =
    what === 'pools' ? 'default pools' : `default ${what === 'ipv4' ? 'IPv4' : 'IPv6'} pool`;
  return new EncapError(`cannot make the ${pools}: CONFIG_INVALID: ${why}`, {
    code: 'CONFIG_INVALID',
    why: 'calico/node would end its start on this environment',
    hint: 'correct the variable, or set NO_DEFAULT_POOLS=true and write IPPool resources',
  });
}
