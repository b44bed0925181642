import { messages, PGlite, type Transaction } from '@electric-sql/pglite';
import { HttpError } from './exchange.ts';
import { schema } from './schema.ts';
import { seed } from './seed.ts';

/** Something that answers SQL: the database, or one transaction on it. */
export interface Queries {
  /** @throws DatabaseError as PostgreSQL reports it; see `asHttpError` */
  query<Row>(sql: string, params?: readonly unknown[]): Promise<Row[]>;
}

export interface Database extends Queries {
  /** Runs `work` as one transaction: no other statement runs in between. */
  transaction<Result>(work: (tx: Queries) => Promise<Result>): Promise<Result>;
  /** The whole database as a tar file, for `openDatabase`. */
  snapshot(): Promise<Blob>;
  close(): Promise<void>;
}

/**
 * Opens a separate PostgreSQL in this process and in memory, with the schema and the seed. Takes about 3 s, or a
 * quarter of that from a `snapshot`.
 */
export async function openDatabase(snapshot?: Blob): Promise<Database> {
  const pg = await PGlite.create(snapshot && { loadDataDir: snapshot });
  try {
    if (snapshot === undefined) {
      await pg.exec(schema);
      await pg.exec(seed);
    }
  } catch (error) {
    await pg.close();
    throw error;
  }
  return {
    snapshot: () => pg.dumpDataDir('none'),
    ...queriesOn(pg),
    transaction: (work) => pg.transaction((tx) => work(queriesOn(tx))),
    close: () => pg.close(),
  };
}

function queriesOn(connection: PGlite | Transaction): Queries {
  return {
    query: async <Row>(sql: string, params: readonly unknown[] = []) =>
      (await connection.query<Row>(sql, [...params])).rows,
  };
}

/** Translates constraint violations for the client; undefined for errors that are the server's. */
export function asHttpError(error: unknown): HttpError | undefined {
  if (error instanceof HttpError) return error;
  if (!(error instanceof messages.DatabaseError)) return undefined;
  const reason = error.detail ?? error.message;
  switch (error.code) {
    case '23001': // restrict_violation: another row still refers to this one
      return new HttpError(409, 'conflict', reason);
    case '23505': // unique_violation
      return new HttpError(409, 'conflict', reason);
    case '23503': // foreign_key_violation: the named row does not exist
      return new HttpError(422, 'unprocessable', reason);
    default:
      // Class 22: the column cannot hold the value although its JSON type is right (31 February, NUL in a text).
      return error.code?.startsWith('22') ? new HttpError(422, 'unprocessable', reason) : undefined;
  }
}
