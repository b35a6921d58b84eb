/** What becomes of packets, in one word; verdicts say why. */
export const decisionWords = ['encap', 'decap', 'direct', 'cut', 'pass', 'drop'] as const;

export type DecisionWord = (typeof decisionWords)[number];

/** What one word stands for, among the verdicts that there are; a shortcut out is both. */
export function isOfWord(verdict: string, word: DecisionWord): boolean {
  if (verdict === 'SHORTCUT_OUT') return word === 'encap' || word === 'direct';
  return wordFor(verdict, false) === word;
}

/** What became of a packet; `isPushed`: outer headers were. */
export function wordFor(verdict: string, isPushed: boolean): DecisionWord {
  switch (verdict) {
    case 'ENCAPSULATED':
      return 'encap';
    case 'DECAPSULATED':
    case 'SHORTCUT_IN':
      return 'decap';
    case 'DIRECT':
    case 'DIRECT_AGAIN':
      return 'direct';
    case 'SHORTCUT_OUT':
      return isPushed ? 'encap' : 'direct';
    case 'CUT':
      return 'cut';
    default:
      return verdict.startsWith('PASS_') || verdict === 'PIECE' ? 'pass' : 'drop';
  }
}
