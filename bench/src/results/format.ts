/** Numbers in readable form. */

export const whole = (value: number): string => Math.round(value).toLocaleString('en')
export const ms = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`
export const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`
export const times = (ratio: number): string => `${ratio.toFixed(2)}×`
export const percent = (share: number): string => `${Math.round(share * 100)} %`
export const mark = (met: boolean): string => (met ? 'met' : 'not met')
