import type { Manifest } from '../sources/store.js';
import type { Sent } from './kube-cluster.js';

/** As Calico keeps it in Kubernetes: its nodes are Kubernetes' own, with annotations. */
export function asKept(manifest: Manifest): Sent {
  const { apiVersion, kind, spec = {} } = manifest;
  // The rest of it is the server's to say.
  const { name, labels = {}, annotations: written = {} } = manifest.metadata;
  const metadata = { name, labels, annotations: written };
  if (kind !== 'Node') return { ...manifest, metadata, apiVersion: 'crd.projectcalico.org/v1' };
  if (apiVersion === 'v1') return { ...manifest, metadata };
  const bgp = (spec['bgp'] ?? {}) as Readonly<Record<string, string>>;
  const annotations = Object.entries({
    IPv4Address: bgp['ipv4Address'],
    IPv6Address: bgp['ipv6Address'],
    IPv4IPIPTunnelAddr: bgp['ipv4IPIPTunnelAddr'],
    ASNumber: bgp['asNumber'],
    IPv4VXLANTunnelAddr: spec['ipv4VXLANTunnelAddr'],
    VXLANTunnelMACAddr: spec['vxlanTunnelMACAddr'],
    IPv6VXLANTunnelAddr: spec['ipv6VXLANTunnelAddr'],
    VXLANTunnelMACAddrV6: spec['vxlanTunnelMACAddrV6'],
  }).flatMap(([member, value]) =>
    typeof value === 'string' || typeof value === 'number'
      ? [[`projectcalico.org/${member}`, String(value)] as const]
      : [],
  );
  return {
    apiVersion: 'v1',
    kind,
    metadata: { ...metadata, annotations: Object.fromEntries(annotations) },
    spec: {},
    status: { addresses: spec['addresses'] ?? [] },
  };
}
