import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import test from 'ava';
import { inNamespace, Namespace, netfilterRules } from '../lib/index.js';

const nft = '/usr/sbin/nft'; // npm puts another program of that name first

test('the rules of IPv4 and IPv6 in a namespace are counted, those of other families are not', (t) => {
  if (!existsSync(nft)) {
    t.log(`skipped: no ${nft}`);
    t.pass();
    return;
  }
  using namespace = Namespace.create();
  inNamespace(namespace.path, () => {
    t.is(netfilterRules(), 0);
    const chain = (family: string, rules: string): string =>
      `table ${family} t {\n chain c {\n type filter hook input priority 0\n ${rules}\n }\n}\n`;
    execFileSync(nft, ['-f', '-'], {
      input:
        chain('inet', 'counter\ncounter\ncounter') +
        chain('ip', 'counter') +
        chain('ip6', 'counter') +
        chain('arp', 'counter\ncounter'),
    });
    t.is(netfilterRules(), 5);
  });
});
