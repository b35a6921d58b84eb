import type { Plot } from './plots.js';
import { programGrid, ratioGrid, remarks, type Grid } from './report.js';
import type { BenchRun } from './result.js';

/** The report as one page that needs nothing else: no script, no font, no network; the run itself is in it. */
export function page(run: BenchRun, plots: readonly Plot[]): string {
  const json = JSON.stringify(run);
  const download = `data:application/json;base64,${Buffer.from(json).toString('base64')}`;
  const programs =
    run.programs.length === 0
      ? ''
      : `<h2>What our programs cost</h2>${table(programGrid(run))}
<p>Nanoseconds of each run, as the kernel counts them (BPF_ENABLE_STATS), measured after the rounds.</p>`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>encap bench, ${escaped(run.startedAt)}</title>
<style>${style}</style>
<h1>encap bench</h1>
<ul>${remarks(run)
    .map((remark) => `<li>${escaped(remark)}</li>`)
    .join('')}</ul>
<h2>Ratios to ${escaped(run.plan.base)}</h2>
${table(ratioGrid(run))}
${plots.map(({ title, svg }) => `<h2>${escaped(title)}</h2>\n<figure>${svg}</figure>`).join('\n')}
${programs}
<p><a download="run.json" href="${download}">run.json</a>: every measurement.</p>
</html>
`;
}

const style = `
body { font: 15px/1.5 sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto }
th, td { padding: 3px 10px; text-align: left; border-bottom: 1px solid #ddd; white-space: nowrap }
figure { margin: 0; overflow-x: auto }
`;

function table({ head, rows }: Grid): string {
  const line = (cells: readonly string[], tag: 'th' | 'td'): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  return `<table><thead>${line(head, 'th')}</thead><tbody>${rows.map((row) => line(row, 'td')).join('\n')}</tbody></table>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
