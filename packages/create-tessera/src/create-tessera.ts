#!/usr/bin/env node
/** The command `create-tessera`, which `npm create tessera` runs. */

import process from 'node:process'
import { run } from './run.ts'

process.exitCode = await run(process.argv.slice(2))
