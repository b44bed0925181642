import { livesOf } from './lives.ts';

livesOf({ redis: false });
