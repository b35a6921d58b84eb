import { openLog } from '../../src/cli/log.js';

// Logs far more than a pipe holds, says on standard output how that went, and ends as an agent does.
const { logger, destination } = await openLog({ level: 'info', format: 'json' });
const beganMs = performance.now();
for (let line = 0; line < 50_000; line += 1) logger.info({ line }, 'x'.repeat(100));
await new Promise((done) => setImmediate(done));
const tookMs = performance.now() - beganMs;
process.stdout.write(`${JSON.stringify({ tookMs, dropped: destination.dropped })}\n`);
destination.end();
