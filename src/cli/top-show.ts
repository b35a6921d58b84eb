import { printNext } from './stream.js';
import type { Session } from './session.js';
import { topLines, topScreen } from './top-text.js';
import type { TopReport } from './top-report.js';

/** One tick: a screen of its own on a terminal, lines in a pipe. */
export async function show(session: Session, report: TopReport, isFirst: boolean): Promise<void> {
  const isScreen = session.columns !== undefined && session.format === 'table';
  await printNext(session, {
    document: report,
    names: () => report.items.map(({ name }) => name),
    text: () =>
      isScreen
        ? screen(topScreen(session, report, process.stdout.rows), isFirst)
        : topLines(session, report, isFirst),
  });
}

/** Instead of what is there, which at first is somebody else's: that is scrolled away, not lost. ECMA-48: ED, CUP. */
export function screen(text: string, isFirst: boolean): string {
  const scrolled = isFirst ? '\n'.repeat(process.stdout.rows) : '';
  return `${scrolled}\x1b[H\x1b[J${text}`;
}
