import { paintFor } from '../../../src/cli/paint.js';
import type { Session } from '../../../src/cli/session.js';

/** A session without colours, terminal or environment, but for what a test says. */
export function sessionLike(changes: Partial<Session> = {}): Session {
  const plain = paintFor({}, {}, 'never');
  return {
    format: 'table',
    headers: true,
    verbosity: 0,
    quiet: false,
    paint: plain,
    notePaint: plain,
    columns: undefined,
    env: {},
    ...changes,
  };
}
