/** The one script file: it asks the browser for a passkey. Pages without passkeys don't load it. */

import { type Asset, createAsset } from './asset.ts'

export const createPasskeyScript = (): Asset => createAsset('passkey', 'js', './passkey.js')
