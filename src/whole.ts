/**
 * `T` with every member named, an absent one as `undefined`. An object that is written out has this type where it would
 * lose whatever `T` is given later.
 */
export type Whole<T> = { [Name in keyof Required<T>]: T[Name] };
