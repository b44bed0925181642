/** The output to write to. `isTTY` is true for a terminal. */
interface TextOutput {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

export type Style = keyof typeof codes;

const codes = { bold: 1, dim: 2, red: 31, green: 32, cyan: 36 } as const;

/** Writes lines, in colour if the output is a terminal and NO_COLOR is not set (https://no-color.org). */
export class Screen {
  readonly #output: TextOutput;
  readonly #color: boolean;

  constructor(output: TextOutput, env: NodeJS.ProcessEnv) {
    this.#output = output;
    this.#color = output.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
  }

  line(text = ''): void {
    this.#output.write(`${text}\n`);
  }

  paint(style: Style, text: string): string {
    return this.#color && text !== '' ? `\u001b[${codes[style]}m${text}\u001b[0m` : text;
  }
}
