/** Serves the app for a browser: `node examples/conformance-rp/server.ts`. */

import { createApp } from './app.ts'
import { listen } from './listen.ts'
import { readSettings } from './settings.ts'

const settings = readSettings(process.env)
await listen(await createApp(settings), settings)
console.log(`sign in at ${settings.baseUrl}/start`)
