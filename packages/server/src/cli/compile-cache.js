/**
 * Enables Node's compile cache, so that files are stripped of types and compiled once, not at each start. To be imported
 * before anything else.
 */

import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

// In the user's own cache folder. In the system's temporary folder other users could leave code for this process to
// run. NODE_COMPILE_CACHE selects another folder. Without a folder that can be written to, nothing is cached.
const { XDG_CACHE_HOME, LOCALAPPDATA, HOME } = process.env
const folder = XDG_CACHE_HOME || LOCALAPPDATA || (HOME && join(HOME, '.cache'))
if (folder) enableCompileCache(join(folder, 'tessera'))
