'use strict';
// Reads what `ava --tap` prints: how many tests passed, what failed and how, what was skipped and why, how often
// faults were injected, and how long each file took where they run one after the other.

/** Characters of stderr that are kept, its last: a kernel in trouble says a hundred lines. */
const complaintLength = 16_000;

/** A reader that takes the text in pieces; `end` gives the result. */
function tapReader() {
  const result = {
    passed: 0,
    failures: [],
    skipped: new Map(),
    filesMs: new Map(),
    repetitions: [],
  };
  let toldMs = Date.now();
  let rest = '';
  let complained = '';
  let finished = false;
  let last; // the test that the following lines belong to

  function line(text) {
    const [, not, title] = /^(not )?ok \d+ - (.*)$/.exec(text) ?? [];
    if (title !== undefined) {
      time(title.split(' › ')[0]);
      last = { title, detail: '' };
      if (not !== undefined) result.failures.push(last);
      else if (/ # (SKIP|TODO)$/.test(title)) skip('switched off in the test file');
      else result.passed += 1;
    } else if (/^1\.\.\d+$/.test(text)) finished = true;
    else if (/^# {3}skipped: /.test(text)) {
      result.passed -= 1; // it passed because it could not ask
      skip(text.replace(/^# {3}skipped: /, ''));
    } else if (/^# {3}repetitions: /.test(text)) {
      result.repetitions.push(text.replace(/^# {3}repetitions: /, ''));
    } else if (last !== undefined && /^( {2}|# {3})/.test(text)) last.detail += `${text}\n`;
  }

  function time(file) {
    const nowMs = Date.now();
    result.filesMs.set(file, (result.filesMs.get(file) ?? 0) + nowMs - toldMs);
    toldMs = nowMs;
  }

  function skip(reason) {
    result.skipped.set(reason, (result.skipped.get(reason) ?? 0) + 1);
  }

  return {
    read(chunk) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop();
      lines.forEach(line);
    },
    readError(chunk) {
      complained = (complained + chunk).slice(-complaintLength);
    },
    end(exitCode) {
      line(rest);
      const unexplained = exitCode !== 0 && result.failures.length === 0;
      if (unexplained || !finished)
        result.failures.push({
          title: `ava ended with ${exitCode}, ${last === undefined ? 'no test told' : `the last test that it told: ${last.title}`}`,
          detail: complained,
        });
      return result;
    },
  };
}

module.exports = { tapReader };
