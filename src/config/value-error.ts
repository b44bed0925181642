/** Why a value of the configuration is not one; `hint` says what to write instead. */
export class ValueError extends Error {
  override readonly name = 'ValueError';
  readonly hint: string;
  /** Where in the text, in UTF-16 units; undefined where it is the whole of it. */
  readonly offset: number | undefined;

  constructor(message: string, hint: string, offset?: number) {
    super(message);
    this.hint = hint;
    this.offset = offset;
  }
}
