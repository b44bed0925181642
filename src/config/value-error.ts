/** Why a value of the configuration is not one; `hint` says what to write instead. */
export class ValueError extends Error {
  override readonly name = 'ValueError';
  readonly hint: string;
  /** Where in the text, in UTF-16 units; 0 where it is the whole of it. */
  readonly offset: number;

  constructor(message: string, hint: string, offset = 0) {
    super(message);
    this.hint = hint;
    this.offset = offset;
  }
}
