/** The one stylesheet. */

import { type Asset, createAsset } from './asset.ts'

export const createStylesheet = (): Asset => createAsset('tessera', 'css', './tessera.css')
