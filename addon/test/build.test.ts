import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const built = fileURLToPath(new URL('../../build/Release/libbpf_ts.node', import.meta.url));

test('the native half is hardened: relocations read-only and bound at load, no executable stack', (t) => {
  if (!existsSync('/usr/bin/readelf')) {
    t.log('skipped: needs readelf (apt-get install binutils)');
    t.pass();
    return;
  }
  const headers = execFileSync('readelf', ['-lW', built], { encoding: 'utf8' });
  const dynamic = execFileSync('readelf', ['-dW', built], { encoding: 'utf8' });
  const symbols = execFileSync('readelf', ['--dyn-syms', '-W', built], { encoding: 'utf8' });
  t.regex(headers, /GNU_RELRO/);
  t.regex(headers, /GNU_STACK\s+0x0+ 0x0+ 0x0+ 0x0+ 0x0+ RW /);
  t.regex(dynamic, /\((BIND_NOW|FLAGS)\).*(BIND_NOW|$)/);
  t.regex(dynamic, /FLAGS_1.*NOW/);
  t.regex(symbols, /__stack_chk_fail/);
  t.notRegex(dynamic, /\(TEXTREL\)/);
});
