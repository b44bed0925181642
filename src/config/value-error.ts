/** An invalid value in the configuration; `hint` says what to write instead. */
export class ValueError extends Error {
  override readonly name = 'ValueError';
  readonly hint: string;
  /** The offset in the text, in UTF-16 units; undefined for the whole text. */
  readonly offset: number | undefined;

  constructor(message: string, hint: string, offset?: number) {
    super(message);
    this.hint = hint;
    this.offset = offset;
  }
}
