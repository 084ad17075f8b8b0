/** The rows and answers of `/api/v1`, named as in `docs/openapi.json`. */
export {};
