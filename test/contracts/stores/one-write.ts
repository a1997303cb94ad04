/** A separate process that writes once and never closes its store. */

import { openNamed } from './open.ts'

const stores = await openNamed()
process.stdout.write(await stores.settings.initialise('written', 'yes'))
