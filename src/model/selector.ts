/** Labels of a node or a pool. */
export type Labels = Readonly<Record<string, string>>;

/** A Calico selector that was understood. */
export type Selector = (labels: Labels) => boolean;

export type ParsedSelector =
  { readonly ok: true; readonly matches: Selector } | { readonly ok: false; readonly why: string };

/** A Calico label selector: `has(rack) && zone in {"a", "b"}`. The empty text selects all. */
export function parseSelector(text: string): ParsedSelector {
  try {
    const tokens = new Tokens(text);
    if (tokens.next() === undefined) return { ok: true, matches: () => true };
    const matches = anyOf(tokens, 0);
    const rest = tokens.next();
    return rest === undefined ? { ok: true, matches } : { ok: false, why: `unexpected ${rest}` };
  } catch (error) {
    if (error instanceof Misread) return { ok: false, why: error.message };
    throw error;
  }
}

class Misread extends Error {}

/** Parentheses inside parentheses: far more than a person writes. */
const deepest = 100;

const word = /[A-Za-z0-9_./-]+/y;
const blank = /[ \t]*/y;
const symbols = /(?:has|all|global)\(|==|!=|&&|\|\||[!(){},]/y;
const quoted = /"[^"]*"|'[^']*'/y;

/** Reads a selector from left to right, one token ahead. */
class Tokens {
  #at = 0;
  #next: string | undefined;

  constructor(private readonly text: string) {
    this.#advance();
  }

  next(): string | undefined {
    return this.#next;
  }

  take(): string {
    const token = this.#next;
    if (token === undefined) throw new Misread('it ends too early');
    this.#advance();
    return token;
  }

  takeIf(token: string): boolean {
    if (this.#next !== token) return false;
    this.#advance();
    return true;
  }

  expect(token: string): void {
    const found = this.#next;
    if (!this.takeIf(token)) throw new Misread(`expected ${token}, found ${found ?? 'its end'}`);
  }

  #advance(): void {
    this.#match(blank);
    this.#next =
      this.#at === this.text.length
        ? undefined
        : (this.#match(symbols) ?? this.#match(quoted) ?? this.#match(word) ?? this.#misread());
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #misread(): never {
    const character = this.text.charAt(this.#at);
    throw new Misread(/["']/.test(character) ? 'unterminated string' : `unexpected ${character}`);
  }
}

function anyOf(tokens: Tokens, depth: number): Selector {
  const terms = [allOf(tokens, depth)];
  while (tokens.takeIf('||')) terms.push(allOf(tokens, depth));
  return (labels) => terms.some((term) => term(labels));
}

function allOf(tokens: Tokens, depth: number): Selector {
  const terms = [operation(tokens, depth)];
  while (tokens.takeIf('&&')) terms.push(operation(tokens, depth));
  return (labels) => terms.every((term) => term(labels));
}

function operation(tokens: Tokens, depth: number): Selector {
  let negated = false;
  while (tokens.takeIf('!')) negated = !negated;
  const matches = positive(tokens, depth);
  return negated ? (labels) => !matches(labels) : matches;
}

function positive(tokens: Tokens, depth: number): Selector {
  if (depth > deepest) throw new Misread('too many parentheses');
  const token = tokens.take();
  if (token === '(') {
    const inner = anyOf(tokens, depth + 1);
    tokens.expect(')');
    return inner;
  }
  switch (token) {
    case 'all(':
    case 'global(':
      // global() selects what has no namespace: nodes and pools have none.
      tokens.expect(')');
      return () => true;
    case 'has(': {
      const label = labelIn(tokens);
      tokens.expect(')');
      return (labels) => labels[label] !== undefined;
    }
    default:
      if (!isWord(token)) throw new Misread(`unexpected ${token}`);
      return comparison(tokens, token);
  }
}

function comparison(tokens: Tokens, label: string): Selector {
  const operator = tokens.take();
  switch (operator) {
    case '==':
      return compare(tokens, label, (value, wanted) => value === wanted);
    case '!=': {
      const wanted = textIn(tokens);
      return (labels) => labels[label] !== wanted;
    }
    case 'contains':
      return compare(tokens, label, (value, wanted) => value.includes(wanted));
    case 'starts':
      tokens.expect('with');
      return compare(tokens, label, (value, wanted) => value.startsWith(wanted));
    case 'startswith':
      return compare(tokens, label, (value, wanted) => value.startsWith(wanted));
    case 'ends':
      tokens.expect('with');
      return compare(tokens, label, (value, wanted) => value.endsWith(wanted));
    case 'endswith':
      return compare(tokens, label, (value, wanted) => value.endsWith(wanted));
    case 'in': {
      const values = setIn(tokens);
      return (labels) => labels[label] !== undefined && values.has(labels[label]);
    }
    case 'not':
      tokens.expect('in');
      return notIn(label, setIn(tokens));
    case 'notin':
      return notIn(label, setIn(tokens));
    default:
      throw new Misread(`expected an operator after ${label}, found ${operator}`);
  }
}

function compare(
  tokens: Tokens,
  label: string,
  holds: (value: string, wanted: string) => boolean,
): Selector {
  const wanted = textIn(tokens);
  return (labels) => labels[label] !== undefined && holds(labels[label], wanted);
}

/** A label that is not there is in no set. */
function notIn(label: string, values: ReadonlySet<string>): Selector {
  return (labels) => labels[label] === undefined || !values.has(labels[label]);
}

function setIn(tokens: Tokens): ReadonlySet<string> {
  const values = new Set<string>();
  tokens.expect('{');
  while (/^["']/.test(tokens.next() ?? '')) {
    values.add(textIn(tokens));
    if (!tokens.takeIf(',')) break;
  }
  tokens.expect('}');
  return values;
}

function labelIn(tokens: Tokens): string {
  const token = tokens.take();
  if (!isWord(token)) throw new Misread(`expected a label, found ${token}`);
  return token;
}

function textIn(tokens: Tokens): string {
  const token = tokens.take();
  if (!/^["']/.test(token)) throw new Misread(`expected a value in quotes, found ${token}`);
  return token.slice(1, -1);
}

function isWord(token: string): boolean {
  return /^[A-Za-z0-9_./-]+$/.test(token) && token.length <= 512;
}
