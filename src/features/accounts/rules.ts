/** What an email looks like, as far as that can be told. */
export const emailPattern = '^[^\\s@\\u0000-\\u001f]+@[^\\s@\\u0000-\\u001f]+$'
export const emailMaxLength = 254

export const passwordMinLength = 8
export const passwordMaxLength = 1024
