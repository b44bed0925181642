/** CI plays more of what is played at random than `npm test` does. */
export const isCi = process.env.TEST_BUDGET === 'ci';

/** How much of something to play. */
export const budget = ({ local, ci }: { local: number; ci: number }): number => (isCi ? ci : local);

/** 1, 2, …: so many seeds as that. */
export const seedsOf = (counts: { local: number; ci: number }): number[] =>
  Array.from({ length: budget(counts) }, (_, i) => i + 1);
