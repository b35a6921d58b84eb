import { type Branch, type Flag, spellings, type Word } from './command-tree.js';

export const shells = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof shells)[number];

/** The script that teaches a shell these commands; it asks nothing of `encap` when Tab is pressed. */
export function completionScript(shell: Shell, branches: readonly Branch[]): string {
  switch (shell) {
    case 'bash':
      return bashScript(branches);
    case 'zsh':
      return zshScript(branches);
    case 'fish':
      return fishScript(branches);
  }
}

function bashScript(branches: readonly Branch[]): string {
  return `# bash completion of encap, as \`encap completion bash\` prints it
_encap() {
	local current=\${COMP_WORDS[COMP_CWORD]} at=encap index words=
	for ((index = 1; index < COMP_CWORD; index++)); do
		case "$at \${COMP_WORDS[index]}" in
		${patterns(withValue(branches), ' | ')}) ((index++)) ;;
		${patterns(below(branches), ' | ')}) at+=" \${COMP_WORDS[index]}" ;;
		esac
	done
	if ((index > COMP_CWORD)); then # the value of an option
		case "$at \${COMP_WORDS[COMP_CWORD - 1]}" in
${chosen(branches, (names, values) => `\t\t${patterns(names, ' | ')}) words=${quoted(values.join(' '))} ;;`)}
		esac
	elif [[ $current == -* ]]; then
		case $at in
${branches.map(({ path, flags }) => `\t\t${quoted(path)}) words=${quoted(flags.flatMap(spellings).join(' '))} ;;`).join('\n')}
		esac
	else
		case $at in
${spoken(branches)
  .map(
    ({ path, words }) =>
      `\t\t${quoted(path)}) words=${quoted(words.map(({ name }) => name).join(' '))} ;;`,
  )
  .join('\n')}
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o default -F _encap encap
`;
}

function zshScript(branches: readonly Branch[]): string {
  const list = (words: readonly Word[]): string =>
    words.map(({ name, meaning }) => quoted(`${name.replaceAll(':', '\\:')}:${meaning}`)).join(' ');
  const flagWords = ({ flags }: Branch): readonly Word[] =>
    flags.flatMap((flag) => spellings(flag).map((name) => ({ name, meaning: flag.meaning })));
  return `#compdef encap
# zsh completion of encap, as \`encap completion zsh\` prints it
_encap() {
	local at=encap
	local -i index=2
	local -a found
	while (( index < CURRENT )); do
		case "$at \${words[index]}" in
		(${patterns(withValue(branches), '|')}) (( index += 1 )) ;;
		(${patterns(below(branches), '|')}) at+=" \${words[index]}" ;;
		esac
		(( index += 1 ))
	done
	if (( index > CURRENT )); then # the value of an option
		case "$at \${words[CURRENT - 1]}" in
${chosen(branches, (names, values) => `\t\t(${patterns(names, '|')}) found=(${values.map(quoted).join(' ')}) ;;`)}
		esac
	elif [[ \${words[CURRENT]} == -* ]]; then
		case $at in
${branches.map((branch) => `\t\t(${quoted(branch.path)}) found=(${list(flagWords(branch))}) ;;`).join('\n')}
		esac
	else
		case $at in
${spoken(branches)
  .map(({ path, words }) => `\t\t(${quoted(path)}) found=(${list(words)}) ;;`)
  .join('\n')}
		esac
	fi
	if (( $#found )); then _describe encap found; else _files; fi
}
if [[ $funcstack[1] == _encap ]]; then _encap "$@"; else compdef _encap encap; fi
`;
}

function fishScript(branches: readonly Branch[]): string {
  return `# fish completion of encap, as \`encap completion fish\` prints it
function __encap_at
    set -l at encap
    set -l isValue 0
    for word in (commandline -opc)[2..-1]
        if test $isValue = 1
            set isValue 0
            continue
        end
        switch "$at $word"
            case ${withValue(branches).map(fishQuoted).join(' ')}
                set isValue 1
            case ${below(branches).map(fishQuoted).join(' ')}
                set at "$at $word"
        end
    end
    test "$at" = "$argv"
end
${branches
  .flatMap(({ path, words, flags }) => {
    const start = `complete -c encap -n ${fishQuoted(`__encap_at ${path}`)}`;
    return [
      ...words.map(
        ({ name, meaning }) => `${start} -f -a ${fishQuoted(name)} -d ${fishQuoted(meaning)}`,
      ),
      ...flags.map((flag) => `${start} ${fishFlag(flag)}`),
    ];
  })
  .join('\n')}
`;
}

function fishFlag({ short, long, meaning, takesValue, choices }: Flag): string {
  return [
    ...(short === undefined ? [] : [`-s ${short.slice(1)}`]),
    ...(long === undefined ? [] : [`-l ${long.slice(2)}`]),
    ...(takesValue ? [choices.length > 0 ? `-x -a ${fishQuoted(choices.join(' '))}` : '-r'] : []),
    `-d ${fishQuoted(meaning)}`,
  ].join(' ');
}

/** `encap -o`: options whose next word is theirs. */
function withValue(branches: readonly Branch[]): readonly string[] {
  return branches.flatMap(({ path, flags }) =>
    flags
      .filter(({ takesValue }) => takesValue)
      .flatMap((flag) => spellings(flag).map((name) => `${path} ${name}`)),
  );
}

function below(branches: readonly Branch[]): readonly string[] {
  return branches.map(({ path }) => path).filter((path) => path.includes(' '));
}

function spoken(branches: readonly Branch[]): readonly Branch[] {
  return branches.filter(({ words }) => words.length > 0);
}

function chosen(
  branches: readonly Branch[],
  line: (names: readonly string[], values: readonly string[]) => string,
): string {
  return branches
    .flatMap(({ path, flags }) =>
      flags
        .filter(({ choices }) => choices.length > 0)
        .map((flag) =>
          line(
            spellings(flag).map((name) => `${path} ${name}`),
            flag.choices,
          ),
        ),
    )
    .join('\n');
}

function patterns(words: readonly string[], or: string): string {
  return words.map(quoted).join(or);
}

/** Of bash and zsh. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function fishQuoted(word: string): string {
  return `'${word.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
