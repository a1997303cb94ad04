/** A process that copies a set of files, for tests that kill it. Arguments: the server's file, and the folder. */

import { backUp } from '../../packages/server/src/storage/sqlite/backup.ts'

const [, , file = '', folder = ''] = process.argv
await backUp(file, folder, { name: 'root_keys', changed: 'it was rotated' })
