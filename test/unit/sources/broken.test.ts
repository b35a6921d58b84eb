import { readdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { inventoryOf } from '../../../src/model/assemble.js';
import { validate } from '../../../src/model/validate.js';
import { readResources } from '../../../src/sources/file/read.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../../..');
const told = new Set<string>();

/** Each row: line:column severity path: message. */
const tells = test.macro<[string, readonly string[]]>({
  exec: async (t, name, expected) => {
    told.add(name);
    const documents = await readResources([`${root}/examples/broken/${name}`]);
    const found = validate(documents).map(
      ({ line, column, severity, path, message }) =>
        `${line}:${column} ${severity}${path === '' ? '' : ` ${path}`}: ${message.replaceAll(`${root}/`, '')}`,
    );
    t.deepEqual(found, [...expected]);
    t.notThrows(() => inventoryOf(documents));
  },
  title: (_, name) => `${name}: the right line and field, and no stack trace`,
});

test(tells, 'alias-bomb.yaml', ['1:1 error: more than 100 aliases: write the values out']);
test(tells, 'bad-indent.yaml', ['5:1 error: all mapping items must start at the same column']);
test(tells, 'bad-item-in-list.yaml', [
  '7:40 error items[0].spec.vxlanMode: expected Always or CrossSubnet or Never, found true',
]);
test(tells, 'bad-name.yaml', [
  "4:9 error metadata.name: name must consist of lower case alphanumeric characters, '-' or '.'; \"My_Pool\" does not",
]);
test(tells, 'bad-selector.yaml', [
  '7:17 error spec.nodeSelector: nodeSelector is not a selector: expected ), found nothing',
]);
test(tells, 'binary.yaml', ['1:8 error: not text: there is a zero byte']);
test(tells, 'both-modes.yaml', [
  '8:13 error spec.ipipMode: ipipMode and vxlanMode cannot both be enabled; set one of them to Never',
]);
test(tells, 'byte-order-mark.yaml', [
  '6:9 error spec.cidr: IPPool CIDR is not strictly masked; 10.0.0.1/16 has host bits, the network is 10.0.0.0/16',
]);
test(tells, 'cidr-host-bits.yaml', [
  '6:9 error spec.cidr: IPPool CIDR is not strictly masked; 10.0.0.7/24 has host bits, the network is 10.0.0.0/24',
]);
test(tells, 'cidr-is-number.yaml', ['6:9 error spec.cidr: expected text, found 10']);
test(tells, 'cidr-without-prefix.yaml', [
  '6:9 error spec.cidr: IPPool CIDR must be a valid subnet; "10.0.0.0" is none: an address needs a prefix length (10.0.0.0/32)',
]);
test(tells, 'config-beyond-calico.yaml', [
  '4:18 error beyondCalico.ipv6PoolsOver: "IPv4" is not a family; did you mean ipv4? (ipv4, ipv6)',
  '5:3 error beyondCalico.ip6ipp: unknown field; did you mean ip6ip?',
]);
test(tells, 'config-dscp-too-large.yaml', ['3:15 error dscp.pipe: 64 is out of range: 0 to 63']);
test(tells, 'config-misspelt-dscp.yaml', [
  '3:7 error dscp: "unifrom" is not a way to set DSCP; did you mean uniform? (inherit, uniform, { pipe: 0 to 63 })',
]);
test(tells, 'config-no-ttl.yaml', ['3:11 error outerTtl: 0 is out of range: 1 to 255']);
test(tells, 'config-switches.yaml', [
  '3:18 error zeroUdpChecksum: "sometimes" is not a set of nodes (never, always, a list of nodes)',
  '4:18 error sharedVxlanPort: expected true or false, found the text "yes"',
  '5:25 error checks.outerOptions: "ignore" is not a way to treat IP options (drop, accept)',
]);
test(tells, 'config-bad-interface.yaml', [
  '4:22 error node.interfaces[1]: "a;reboot" is no interface name',
]);
test(tells, 'custom-tag.yaml', ['6:9 error: tags of YAML (!…) are not read: write a plain value']);
test(tells, 'deep-nesting.yaml', ['2:1031 error: nested more than 64 levels deep']);
test(tells, 'deep-sequence.yaml', ['1:1 error: nested more than 64 levels deep']);
test(tells, 'duplicate-key.json', ['3:11 error: the key cidr is there twice']);
test(tells, 'duplicate-key.yaml', ['7:3 error: the key cidr is there twice']);
test(tells, 'empty.yaml', ['1:1 warning: the file is empty']);
test(tells, 'felix-vni-too-large.yaml', [
  '6:13 error spec.vxlanVNI: 16777216 is out of range: 0 to 16777215',
]);
test(tells, 'foreign-kind.yaml', [
  '2:7 warning kind: Deployment of apps/v1 is no resource of Calico: not read',
]);
test(tells, 'ipip-on-ipv6.yaml', [
  '7:13 error spec.ipipMode: IPIP is not supported on IPv6 pools; set vxlanMode instead, or beyondCalico.ip6ip in a NodeConfig',
]);
test(tells, 'latin-1.yaml', ['3:12 error: not UTF-8 text']);
test(tells, 'list-of-pools.yaml', [
  '1:1 error: a resource is a map with apiVersion, kind, metadata and spec; this is a list',
]);
test(tells, 'missing-colon.yaml', [
  '6:3 error spec: expected a map, found the text "cidr 10.0.0.0/16"',
]);
test(tells, 'misspelt-field.yaml', [
  '7:3 error spec.blocksize: unknown field; did you mean blockSize?',
]);
test(tells, 'misspelt-kind.yaml', ['2:7 error kind: there is no kind IPpol; did you mean IPPool?']);
test(tells, 'misspelt-mode.yaml', [
  '7:14 error spec.vxlanMode: "Crosssubnet" is not a mode; did you mean CrossSubnet? (Always, CrossSubnet, Never)',
]);
test(tells, 'no-api-version.yaml', [
  '1:1 error: a resource needs an apiVersion (projectcalico.org/v3, crd.projectcalico.org/v1)',
]);
test(tells, 'no-cidr.yaml', ['6:3 error spec.cidr: IPPool CIDR must be specified']);
test(tells, 'no-kind.yaml', ['1:1 error: a resource needs a kind, such as IPPool']);
test(tells, 'no-name.yaml', ['1:1 error metadata.name: a resource needs a name']);
test(tells, 'no-spec.yaml', ['1:1 error spec: this is missing']);
test(tells, 'node-bad-address.yaml', [
  '7:18 error spec.bgp.ipv4Address: "192.168.1.300/24" is not an IPv4 address, with or without a prefix length (192.168.1.11/24)',
]);
test(tells, 'only-comments.yaml', []);
test(tells, 'overlap.yaml', [
  '13:9 error spec.cidr: IPPool(b) CIDR overlaps with IPPool(a) CIDR 10.0.0.0/16 (examples/broken/overlap.yaml:6:9)',
]);
test(tells, 'same-name-twice.yaml', [
  '11:9 error metadata.name: IPPool(a) already exists (examples/broken/same-name-twice.yaml:4:9)',
]);
test(tells, 'tab-indent.yaml', ['6:1 error: a tab indents this line: YAML wants spaces']);
test(tells, 'text-for-boolean.yaml', [
  '7:16 error spec.natOutgoing: expected true or false, found the text "true"',
]);
test(tells, 'text.yaml', [
  '1:1 error: a resource is a map with apiVersion, kind, metadata and spec; this is the text "once upon a time"',
]);
test(tells, 'trailing-comma.json', ['3:33 error: unexpected , in flow map']);
test(tells, 'unclosed-brace.json', ['4:1 error: flow map must end with a }']);
test(tells, 'unclosed-bracket.yaml', [
  '8:1 error: flow sequence in block collection must be sufficiently indented and end with a ]',
]);
test(tells, 'unclosed-double-quote.yaml', ['6:9 error: this quote is never closed']);
test(tells, 'unclosed-single-quote.yaml', ['6:9 error: this quote is never closed']);
test(tells, 'unknown-alias.yaml', ['6:9 error: there is no anchor &nowhere']);
test(tells, 'unquoted-address.yaml', [
  "6:24 error: a value that ends with a colon needs quotes: 'fd00:244:0:1::'",
  "15:26 error: a value that ends with a colon needs quotes: 'fd00:244:0:2::'",
]);
test(tells, 'utf-16.yaml', ['1:1 error: UTF-16 text: save it as UTF-8']);
test(tells, 'windows-lines.yaml', [
  '6:9 error spec.cidr: IPPool CIDR is not strictly masked; 10.0.0.1/16 has host bits, the network is 10.0.0.0/16',
]);
test(tells, 'wrong-api-version.yaml', [
  '1:13 error apiVersion: there is no IPPool in projectcalico.org/v1; did you mean projectcalico.org/v3? (projectcalico.org/v3, crd.projectcalico.org/v1)',
]);
test(tells, 'wrong-block-size.yaml', [
  '7:14 error spec.blockSize: blockSize must be between 20 and 32 for IPv4 pools, and between 116 and 128 for IPv6 pools; 19 is not',
]);

test.after('every broken example has its row', (t) => {
  t.deepEqual(
    readdirSync(`${root}/examples/broken`)
      .filter((name) => !name.startsWith('.'))
      .sort(),
    [...told].sort(),
  );
});
