export { connect } from './connect.ts';
export type {
  ConnectOptions,
  Listeners,
  Live,
  Reason,
  Resync,
  State,
  StateChange,
  Token,
  UnstaleEvent,
  Warning,
} from './types.ts';
