"""From a method's signature to what clients see (OpenAPI), what is accepted (validation) and what the method gets."""
