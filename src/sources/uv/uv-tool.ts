import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
