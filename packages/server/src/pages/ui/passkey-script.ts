/** The one script file: it asks the browser for a passkey. Pages without passkeys don't load it. */

import { readFileSync } from 'node:fs'
import { type Asset, createAsset } from './asset.ts'

export const createPasskeyScript = (): Asset =>
  createAsset(
    'passkey',
    'js',
    'text/javascript; charset=utf-8',
    readFileSync(new URL('./passkey.js', import.meta.url), 'utf8'),
  )
