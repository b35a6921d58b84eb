import { once } from 'node:events';
import { render, type View } from './output.js';
import type { Session } from './session.js';

/** Prints one of many answers as it comes: with `-o json` a line each, with `-o yaml` a document each. */
export async function printNext(session: Session, view: View): Promise<void> {
  const text = await nextText(session, view);
  if (!process.stdout.write(text.endsWith('\n') ? text : `${text}\n`))
    await once(process.stdout, 'drain');
}

export async function nextText(session: Session, view: View): Promise<string> {
  if (session.format === 'json') return `${JSON.stringify(view.document)}\n`;
  const text = await render(session, view);
  return session.format === 'yaml' ? `---\n${text}` : text;
}

/** Fires with Ctrl-C, with SIGTERM, and after so long; what was printed stays whole. */
export function untilStopped(seconds: number | undefined): AbortController {
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort());
  if (seconds !== undefined) setTimeout(() => stopped.abort(), seconds * 1000).unref();
  return stopped;
}
