"""Any other pipeline of Diffusers, its own call stepped by handing over after every step."""
