/** A mistake of the user's, whose message says what to do. No stack is printed for it. */
export class UsageError extends Error {}

/** Runs a program. Its exit status is 2 for mistakes of the user's, and 1 for other errors. */
export async function runProgram(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    // Node's `parseArgs` has errors of its own.
    const mistake = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
    console.error(mistake ? error.message : error);
    process.exitCode = mistake ? 2 : 1;
  }
}
