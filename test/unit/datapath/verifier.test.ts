import test from 'ava';
import { readRejection } from '../../../src/datapath/verifier.js';

// As Linux 6.18 writes it: states between the lines, the verdict, then statistics.
const log = `func#0 @0
Live regs before insn:
  0: .1........ (61) r2 = *(u32 *)(r1 +76)
0: R1=ctx() R10=fp0
; struct ethhdr *eth = (void *)(long)skb->data; @ encapd.bpf.c:20
0: (61) r2 = *(u32 *)(r1 +76)         ; R1=ctx() R2_w=pkt(r=0)
; return eth->h_proto; @ encapd.bpf.c:21
1: (69) r0 = *(u16 *)(r2 +12)
invalid access to packet, off=12 size=2, R2(id=0,off=12,r=0)
R2 offset is outside of the packet
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;

test('a rejection is read as source lines, instruction and reason', (t) => {
  t.deepEqual(readRejection(log), {
    source: [
      'struct ethhdr *eth = (void *)(long)skb->data; @ encapd.bpf.c:20',
      'return eth->h_proto; @ encapd.bpf.c:21',
    ],
    instruction: '1: (69) r0 = *(u16 *)(r2 +12)',
    reason: [
      'invalid access to packet, off=12 size=2, R2(id=0,off=12,r=0)',
      'R2 offset is outside of the packet',
    ],
  });
});

test('what a newer kernel says behind the verdict does not hide it', (t) => {
  const { reason } = readRejection(
    log.replace('processed', 'Suggestion: check data_end\nprocessed'),
  );
  t.is(reason[0], 'invalid access to packet, off=12 size=2, R2(id=0,off=12,r=0)');
});

test('a log without instructions still gives the reason', (t) => {
  t.deepEqual(readRejection('BPF program is too large. Processed 1000001 insn\n'), {
    source: [],
    instruction: undefined,
    reason: ['BPF program is too large. Processed 1000001 insn'],
  });
});
