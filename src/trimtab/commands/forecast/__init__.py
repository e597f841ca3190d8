"""``trimtab forecast``: what a clean build takes on other machines."""
