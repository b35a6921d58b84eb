/** A packet as a row of boxes: its headers from the outside in. */
export interface Row {
  readonly title: string;
  readonly headers: readonly Header[];
}

export interface Header {
  readonly name: string;
  readonly says: string;
  readonly bytes: number;
  /** Whether encapsulation put it there. */
  readonly isOuter: boolean;
}

const [margin, boxHeight, rowHeight, gap] = [24, 64, 116, 4];
const outer = { fill: '#fde3c8', line: '#d9730d' };
const inner = { fill: '#e3ecf7', line: '#4a6fa5' };

/** Draws packets one above the other, aligned at their ends: what is new stands out on the left. */
export function layoutSvg(title: string, rows: readonly Row[]): string {
  const widest = Math.max(...rows.map(({ headers }) => widthOf(headers)));
  const [width, height] = [widest + 2 * margin, 56 + rows.length * rowHeight];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="Helvetica, Arial, sans-serif">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    text(margin, 30, title, 'font-size="17" font-weight="bold"'),
    ...rows.flatMap((row, index) =>
      rowOf(row, { right: margin + widest, top: 56 + index * rowHeight }),
    ),
    '</svg>',
    '',
  ].join('\n');
}

function rowOf(
  { title, headers }: Row,
  { right, top }: { readonly right: number; readonly top: number },
): readonly string[] {
  let x = right - widthOf(headers);
  const added = headers.reduce((sum, { isOuter, bytes }) => sum + (isOuter ? bytes : 0), 0);
  const total = headers.reduce((sum, { bytes }) => sum + bytes, 0);
  const says = added === 0 ? `${total} bytes` : `${total} bytes, ${added} of them added`;
  return [
    text(margin, top + 14, `${title}: ${says}`, 'font-size="13" fill="#333"'),
    ...headers.flatMap((header) => {
      const drawn = boxOf(header, x, top + 24);
      x += boxWidth(header) + gap;
      return drawn;
    }),
  ];
}

function boxOf(header: Header, x: number, y: number): readonly string[] {
  const { name, says, bytes, isOuter } = header;
  const { fill, line } = isOuter ? outer : inner;
  const width = boxWidth(header);
  const middle = `text-anchor="middle"`;
  return [
    `<rect x="${x}" y="${y}" width="${width}" height="${boxHeight}" rx="4" fill="${fill}" stroke="${line}"/>`,
    text(x + width / 2, y + 18, `${name}, ${bytes}`, `${middle} font-size="12" font-weight="bold"`),
    ...linesOf(says).map((part, index) =>
      text(x + width / 2, y + 34 + index * 13, part, `${middle} font-size="10" fill="#444"`),
    ),
  ];
}

/** Two lines at most: what fits above one another. */
function linesOf(says: string): readonly string[] {
  const [first = '', ...rest] = says.split(', ');
  return [first, rest[0] ?? ''].filter((part) => part !== '');
}

function boxWidth({ name, says, bytes }: Header): number {
  const longest = Math.max(...linesOf(says).map(({ length }) => length));
  return Math.ceil(Math.max(longest * 5.4, `${name}, ${bytes}`.length * 7.2) + 14);
}

function widthOf(headers: readonly Header[]): number {
  return headers.reduce((sum, header) => sum + boxWidth(header) + gap, -gap);
}

function text(x: number, y: number, content: string, style: string): string {
  const safe = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<text x="${x}" y="${y}" ${style}>${safe}</text>`;
}
