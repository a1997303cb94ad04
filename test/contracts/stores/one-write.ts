/** A process of its own that writes once and never closes its store. */

import { openSqliteStores } from '../../../packages/server/src/stores/sqlite/stores.ts'

const stores = await openSqliteStores({ file: process.argv[2]! })
process.stdout.write(await stores.settings.initialise('written', 'yes'))
