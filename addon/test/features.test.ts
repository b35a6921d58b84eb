import { existsSync } from 'node:fs';
import test from 'ava';
import {
  enableStatistics,
  features,
  kernel,
  libbpfVersion,
  open,
  possibleCpus,
} from '../lib/index.js';
import { bpffs } from './support/bpffs.js';
import { fixture } from './support/compile.js';
import { kernelTest } from './support/kernel.js';
import { veth } from './support/veth.js';

test('the kernel, libbpf and the number of CPUs are known', (t) => {
  t.regex(kernel.release, /^\d+\.\d+/);
  t.regex(libbpfVersion(), /^v1\.\d+/);
  t.true(possibleCpus() >= 1);
  t.is(features.kernelBtf(), existsSync('/sys/kernel/btf/vmlinux'));
});

kernelTest('the TCX probe agrees with attaching', (t) => {
  const pair = veth(t);
  using object = open(fixture('chain')).load();
  const attach = () =>
    pair.within(() => {
      using link = object
        .program('one')
        .attach({ kind: 'tcx', ifindex: pair.near, direction: 'ingress' });
      return link.info.ifindex;
    });
  if (features.tcx()) t.is(attach(), pair.near);
  else t.throws(attach, { name: 'BpfError', message: /has no TCX, it came with 6\.6$/ });
});

kernelTest('bits of adjust_room that every kernel has are found, one that none has is not', (t) => {
  t.deepEqual(
    [1, 2, 4, 8, 16, 32].map((flag) => features.adjustRoomFlag(flag)),
    Array(6).fill(true), // FIXED_GSO to NO_CSUM_RESET: 5.10 has them
  );
  t.false(features.adjustRoomFlag(2 ** 30));
  const decap = [128, 256].map((flag) => features.adjustRoomFlag(flag));
  t.is(decap[0], decap[1], 'DECAP_L3_IPV4 and _IPV6 came together');
  t.throws(() => features.adjustRoomFlag(0.5), { instanceOf: RangeError });
});

kernelTest('map types with batches, helpers and ring buffers are found by trying', (t) => {
  t.true(features.batch('hash'));
  t.true(features.batch('array'));
  t.false(features.batch('stack'));
  t.true(features.ringBuffer());
  t.true(features.helper('sched_cls', 'bpf_redirect_neigh'));
  t.false(features.helper('socket_filter', 'bpf_redirect_neigh'));
  t.throws(() => features.helper('sched_cls', 'bpf_nothing'), { instanceOf: RangeError });
  t.is(typeof features.jit(), 'boolean');
});

kernelTest('a BPF file system is told from any other', (t) => {
  t.true(features.bpffs(bpffs(t)));
  t.false(features.bpffs('/proc'));
  t.false(features.bpffs('/nonexistent'));
});

kernelTest('runs are counted while statistics are enabled', (t) => {
  using object = open(fixture('chain')).load();
  const program = object.program('one');
  {
    using statistics = enableStatistics();
    t.truthy(statistics);
    program.run(new Uint8Array(64), { repeat: 10 });
  }
  t.true(program.info.runCount >= 10n, `${program.info.runCount.toString()} runs`);
  t.true(program.info.runTimeNs > 0n);
});
