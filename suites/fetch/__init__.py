"""What is not shipped is fetched by its user: packages of registries and files of the web, each checked by its hash."""
