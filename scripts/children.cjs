'use strict';
// Children that end with us: a guest would go on for half an hour, and take the processors of the next run.

const running = new Set();

/** From now on a signal that ends this process is the child's too. */
function endsWithUs(child) {
  running.add(child);
  child.once('close', () => running.delete(child));
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
])
  process.once(signal, () => {
    for (const child of running) child.kill(signal);
    process.exit(code);
  });

module.exports = { endsWithUs };
